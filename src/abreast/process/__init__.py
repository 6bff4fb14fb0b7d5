"""Processes that outlive the one who started them: who they are, when they end, how they are ended."""
