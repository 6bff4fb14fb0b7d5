"""The operator: what a ParallelRun of Kubernetes asks for, ordered from a control plane and told in its status."""
