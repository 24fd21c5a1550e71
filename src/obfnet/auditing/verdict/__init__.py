"""Pass or fail: criteria over an audit's figures that combine."""
