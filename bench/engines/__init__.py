"""Run VGG16 by other engines than the product does, to know what it leaves on the table."""
