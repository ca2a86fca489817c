"""The Azure AI model inference API on loopback, with real small models: for trying, developing and testing.

```python
from azure_inference_local import serve

with serve() as endpoint:
    print(endpoint.url)  # and endpoint.key
```

The same on the command line: `python -m azure_inference_local serve`.
"""

from azure_inference_local.families import FAMILIES
from azure_inference_local.faults import Faults
from azure_inference_local.safety import ContentSafety
from azure_inference_local.server import Endpoint, serve
from azure_inference_local.workers import Engines

__all__ = ["FAMILIES", "ContentSafety", "Endpoint", "Engines", "Faults", "serve"]
