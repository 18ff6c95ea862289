"""Judge answers: do pictures of one class, and copies of one picture, find each other?"""
