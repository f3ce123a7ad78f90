"""A search service over a folder of videos: POST a file, get the most alike ones as JSON.

    python examples/search_service.py videos/ --model joint --port 8000
    curl --data-binary @query.mp4 "http://127.0.0.1:8000/?part=motion&k=3"

`part` is context (the same scene), motion (the same action), or left out for both.
"""

import argparse
import dataclasses
import json
import tempfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import cvrl_lite


def main() -> None:
    """Embeds the folder once, then answers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos")
    parser.add_argument("--model", default="joint", help="a shipped network, or a run's folder")
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args()
    model = cvrl_lite.load(options.model)
    table = model.embed(options.videos)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            options = dict(parse_qsl(urlsplit(self.path).query))
            try:
                with tempfile.TemporaryDirectory() as folder:
                    file = Path(folder, "query.mp4")
                    file.write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
                    part, k = options.get("part"), int(options.get("k", 5))
                    hits = model.search(file, table, part=part, k=k)
                status, answer = 200, [dataclasses.asdict(hit) for hit in hits]
            except (ValueError, cvrl_lite.VideoError) as error:
                status, answer = 400, {"error": str(error)}
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

    server = HTTPServer(("127.0.0.1", options.port), Handler)
    print(f"{len(table)} videos at http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
