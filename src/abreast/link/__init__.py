"""The link between servers and the agents beside gateways anywhere: messages, certificates, and both ends."""
