"""A real llama.cpp HTTP server in a process of its own: prints its address, ends when its input ends."""

import os
import sys

os.environ.setdefault(
    "GOMP_SPINCOUNT", "0"
)  # read once, at the import: threads that wait for each other sleep
import xllamacpp


def main() -> None:
    """Serve the GGUF file of the first argument, with the key of the second, until standard input closes."""
    params = xllamacpp.CommonParams()
    params.model.path = sys.argv[1]
    params.n_ctx = 1024
    params.n_parallel = 1
    params.n_batch = params.n_ubatch = 256
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.port = 0
    params.verbosity = 0
    params.api_keys = [sys.argv[2]]
    if len(sys.argv) > 3:
        params.embedding = True
        params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
