"""What deployments refuse although nobody asked for it: the table of rules, and how refusals teach."""
