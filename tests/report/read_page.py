"""A page read back the way a browser reads it, as far as the tests need."""

from html.parser import HTMLParser

ENDLESS = {"meta", "br", "img", "link", "hr", "input", "wbr"}


class Page(HTMLParser):
    """Elements as (tag, attributes, text inside), in the order they end; refuses tags that do not balance."""

    def __init__(self, text):
        super().__init__()
        self.elements = []
        self._open = []
        self.feed(text)
        self.close()
        assert not self._open, f"never closed: {[tag for tag, _, _ in self._open]}"

    def handle_starttag(self, tag, attrs):
        if tag in ENDLESS:
            self.elements.append((tag, dict(attrs), ""))
        else:
            self._open.append((tag, dict(attrs), []))

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs), ""))

    def handle_endtag(self, tag):
        opened, attributes, parts = self._open.pop()
        assert opened == tag, f"<{opened}> is closed by </{tag}>"
        self.elements.append((tag, attributes, "".join(parts)))

    def handle_data(self, data):
        for _, _, parts in self._open:
            parts.append(data)

    def all(self, *tags):
        """(attributes, text) of every element with one of these tags."""
        return [(attributes, text) for tag, attributes, text in self.elements if tag in tags]

    def texts(self, tag):
        return [text.strip() for _, text in self.all(tag)]

    def tiles(self):
        """The texts of the elements of class tile."""
        return [text for _, attributes, text in self.elements if attributes.get("class") == "tile"]
