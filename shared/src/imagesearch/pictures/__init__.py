"""Turn the bytes of pictures into pixels: formats, colours, borders, regions, thumbnails."""
