"""Language models and embedders, local and remote, behind two small protocols."""
