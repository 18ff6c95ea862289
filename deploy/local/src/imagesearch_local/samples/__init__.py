"""Draw sample pictures in families of look-alikes, so that anybody can judge a search by eye."""

from imagesearch_local.samples.drawing import draw_samples

__all__ = ["draw_samples"]
