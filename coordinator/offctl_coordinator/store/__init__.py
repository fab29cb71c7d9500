"""What outlives the process: published releases and received reports."""
