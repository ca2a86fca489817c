"""What the tests share: servers, the fault table, builders of bodies."""
