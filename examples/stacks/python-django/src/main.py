"""A whole Django site in one file."""

import sys

from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import HttpResponse
from django.urls import path

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="only an example")
urlpatterns = [path("", lambda request: HttpResponse("hello from the stack\n"))]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
