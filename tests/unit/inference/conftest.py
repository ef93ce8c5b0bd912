from __future__ import annotations

from collections.abc import Callable

import pytest

from service.inference import catalog as catalog_module
from tests.support.catalog import Load, load


@pytest.fixture
def loaders(monkeypatch: pytest.MonkeyPatch) -> Callable[[Load], None]:
    def use(loader: Load) -> None:
        monkeypatch.setattr(catalog_module, "load_for_serving", loader)

    # Their weights are stand-ins, too.
    monkeypatch.setattr(catalog_module, "loadable_weights", lambda spec, settings: None)
    use(load)
    return use
