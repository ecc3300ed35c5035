"""What commands look up and print."""
