"""A bad answer becomes one error of the tree. Pure."""
