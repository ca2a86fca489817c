"""The Azure AI model inference API on loopback, with real small models: for trying, developing and testing.

```python
from azure_inference_local import serve

with serve() as endpoint:
    print(endpoint.url)  # and endpoint.key
```

The same on the command line: `python -m azure_inference_local serve`.
"""

from azure_inference_local.dialects.families import FAMILIES
from azure_inference_local.dialects.faults import Faults
from azure_inference_local.dialects.safety import ContentSafety
from azure_inference_local.engines.lazy import Engines
from azure_inference_local.server import Endpoint, serve

__all__ = ["FAMILIES", "ContentSafety", "Endpoint", "Engines", "Faults", "serve"]
