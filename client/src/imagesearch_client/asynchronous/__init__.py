"""The calls of `AsyncClient`. Those of `Client`, in `blocking`, are made of them: `make client`."""
