"""Do what the product does with nothing around it: what it is compared with."""
