"""Media types of static files by extension: a fixed table, so that no operating system's own changes an answer."""

from __future__ import annotations

DEFAULT = b"application/octet-stream"
REPLACED_DEFAULT = b"text/html; charset=utf-8"

_TEXT = {
    "appcache": "text/cache-manifest",
    "css": "text/css",
    "csv": "text/csv",
    "htm": "text/html",
    "html": "text/html",
    "ics": "text/calendar",
    "js": "text/javascript",
    "json": "application/json",
    "map": "application/json",
    "md": "text/markdown",
    "mjs": "text/javascript",
    "properties": "text/plain",
    "svg": "image/svg+xml",
    "ts": "text/plain",
    "txt": "text/plain",
    "vtt": "text/vtt",
    "webmanifest": "application/manifest+json",
    "xhtml": "application/xhtml+xml",
    "xml": "application/xml",
    "xsl": "application/xml",
    "yaml": "application/yaml",
    "yml": "application/yaml",
}
_BINARY = {
    "avif": "image/avif",
    "bmp": "image/bmp",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "eot": "application/vnd.ms-fontobject",
    "gif": "image/gif",
    "gz": "application/gzip",
    "ico": "image/x-icon",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "ogg": "audio/ogg",
    "otf": "font/otf",
    "pdf": "application/pdf",
    "png": "image/png",
    "ppt": "application/vnd.ms-powerpoint",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "ttf": "font/ttf",
    "wasm": "application/wasm",
    "wav": "audio/wav",
    "webm": "video/webm",
    "webp": "image/webp",
    "woff": "font/woff",
    "woff2": "font/woff2",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "zip": "application/zip",
}
_TYPES = {
    **{extension: f"{kind}; charset=utf-8".encode() for extension, kind in _TEXT.items()},
    **{extension: kind.encode() for extension, kind in _BINARY.items()},
}


def content_type(name: str, default: bytes = DEFAULT) -> bytes:
    """The `Content-Type` of a file by its name; text is declared UTF-8."""
    return _TYPES.get(name.rpartition(".")[2].lower(), default)
