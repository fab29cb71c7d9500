"""The planner: desired, observed and remembered state in, a plan out. Pure; executes nothing."""
