"""What `import profond` offers: one call for each verb of the command line."""
