"""The command line: one small room per verb, each turning words into one operation and its result into text."""
