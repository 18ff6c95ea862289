"""The page that people open in a browser: its files, and the routes that send them."""
