"""The calls of `Client`, made of those in `asynchronous` by `make client`: change those."""
