"""Media types of static files by extension: fixed tables, so that no operating system's own changes an answer.

As registered with IANA, or as usual where nothing is.
"""

from __future__ import annotations

DEFAULT = b"application/octet-stream"

_TEXT = {
    "appcache": "text/cache-manifest",
    "atom": "application/atom+xml",
    "cjs": "text/javascript",
    "coffee": "text/coffeescript",
    "conf": "text/plain",
    "css": "text/css",
    "csv": "text/csv",
    "def": "text/plain",
    "dtd": "application/xml-dtd",
    "geojson": "application/geo+json",
    "gltf": "model/gltf+json",
    "gpx": "application/gpx+xml",
    "hbs": "text/x-handlebars-template",
    "htm": "text/html",
    "html": "text/html",
    "ics": "text/calendar",
    "ini": "text/plain",
    "java": "text/x-java-source",
    "js": "text/javascript",
    "json": "application/json",
    "json5": "application/json5",
    "jsonld": "application/ld+json",
    "jsx": "text/jsx",
    "kml": "application/vnd.google-earth.kml+xml",
    "less": "text/less",
    "list": "text/plain",
    "log": "text/plain",
    "map": "application/json",
    "markdown": "text/markdown",
    "md": "text/markdown",
    "mjs": "text/javascript",
    "mpd": "application/dash+xml",
    "ndjson": "application/x-ndjson",
    "properties": "text/plain",
    "rng": "application/xml",
    "rss": "application/rss+xml",
    "sass": "text/x-sass",
    "scss": "text/x-scss",
    "sh": "application/x-sh",
    "sql": "application/sql",
    "svg": "image/svg+xml",
    "text": "text/plain",
    "toml": "application/toml",
    "topojson": "application/json",
    "ts": "text/plain",
    "tsv": "text/tab-separated-values",
    "tsx": "text/plain",
    "txt": "text/plain",
    "vcard": "text/vcard",
    "vcf": "text/vcard",
    "vtt": "text/vtt",
    "webmanifest": "application/manifest+json",
    "wsdl": "application/wsdl+xml",
    "xhtml": "application/xhtml+xml",
    "xml": "application/xml",
    "xsd": "application/xml",
    "xsl": "application/xml",
    "xslt": "application/xslt+xml",
    "yaml": "application/yaml",
    "yml": "application/yaml",
}
_BINARY = {
    "7z": "application/x-7z-compressed",
    "aac": "audio/aac",
    "apng": "image/apng",
    "avi": "video/x-msvideo",
    "avif": "image/avif",
    "bmp": "image/bmp",
    "bz2": "application/x-bzip2",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "eml": "message/rfc822",
    "eot": "application/vnd.ms-fontobject",
    "eps": "application/postscript",
    "epub": "application/epub+zip",
    "flac": "audio/flac",
    "gif": "image/gif",
    "glb": "model/gltf-binary",
    "gz": "application/gzip",
    "heic": "image/heic",
    "ico": "image/x-icon",
    "jar": "application/java-archive",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "m3u8": "application/vnd.apple.mpegurl",
    "m4a": "audio/mp4",
    "m4v": "video/mp4",
    "mov": "video/quicktime",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "mpeg": "video/mpeg",
    "mpg": "video/mpeg",
    "odp": "application/vnd.oasis.opendocument.presentation",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "odt": "application/vnd.oasis.opendocument.text",
    "oga": "audio/ogg",
    "ogg": "audio/ogg",
    "ogv": "video/ogg",
    "opus": "audio/ogg",
    "otf": "font/otf",
    "pdf": "application/pdf",
    "png": "image/png",
    "ppt": "application/vnd.ms-powerpoint",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "ps": "application/postscript",
    "rar": "application/vnd.rar",
    "rtf": "application/rtf",
    "swf": "application/x-shockwave-flash",
    "tar": "application/x-tar",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "ttc": "font/collection",
    "ttf": "font/ttf",
    "wasm": "application/wasm",
    "wav": "audio/wav",
    "weba": "audio/webm",
    "webm": "video/webm",
    "webp": "image/webp",
    "woff": "font/woff",
    "woff2": "font/woff2",
    "xls": "application/vnd.ms-excel",
    "xlsm": "application/vnd.ms-excel.sheet.macroEnabled.12",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "zip": "application/zip",
}
_TYPES = {
    **{extension: f"{kind}; charset=utf-8".encode() for extension, kind in _TEXT.items()},
    **{extension: kind.encode() for extension, kind in _BINARY.items()},
}
_REPLACED = {extension: _TYPES[extension] for extension in ("json", "txt", "html", "js", "css")}


def content_type(name: str) -> bytes:
    """The `Content-Type` of a file by its name; text is declared UTF-8."""
    return _TYPES.get(_extension(name), DEFAULT)


def replaced_content_type(name: str) -> bytes:
    """That of a file whose placeholders are replaced: a page, but for a few extensions (reference, "Replacements")."""
    return _REPLACED.get(_extension(name), _TYPES["html"])


def _extension(name: str) -> str:
    return name.rpartition(".")[2].lower()
