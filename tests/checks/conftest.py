"""What tests of data checks share with those of saved queries."""

from tests.views.conftest import api, sales, save

__all__ = ["api", "sales", "save"]
