"""The page of the service."""

import os
import platform
from html import escape

TEMPLATE = """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width">
    <title>com.example.app</title>
    <style>
      body {{ font: 1.1rem/1.6 system-ui, sans-serif; max-width: 38rem; margin: 4rem auto; padding: 0 1rem }}
      dt {{ font-weight: bold }}
    </style>
  </head>
  <body>
    <h1>com.example.app 1.0.0</h1>
    <p>This is the example of img: a Python web service, built from Debian packages without running a single
    script, signed, and verified when it was started.</p>
    <dl>
{facts}
    </dl>
  </body>
</html>
"""


def render_page(package_count: int) -> str:
    facts = {
        "Python": platform.python_version(),
        "Debian packages in the image": str(package_count),
        "Runs as user": str(os.getuid()),
        "Process": str(os.getpid()),
        "Host name": platform.node(),
    }
    rows = (f"      <dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts.items())
    return TEMPLATE.format(facts="\n".join(rows))
