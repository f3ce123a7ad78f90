# The course and the package in a container.
#
#     docker build -t cvrl-lite .
#     docker run --rm -p 8888:8888 cvrl-lite        # prints the address to open
#
# With CUDA, whose libraries come with the wheel of PyTorch on PyPI; the machine needs NVIDIA's container toolkit:
#
#     docker build -t cvrl-lite:cuda --build-arg TORCH_INDEX=https://pypi.org/simple .
#     docker run --rm --gpus all -p 8888:8888 cvrl-lite:cuda

FROM python:3.11-slim-bookworm

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

RUN apt-get update \
 && apt-get install -y --no-install-recommends git make \
 && rm -rf /var/lib/apt/lists/*

RUN useradd --create-home learner
USER learner
WORKDIR /home/learner/cvrl-lite
ENV VIRTUAL_ENV=/home/learner/venv
ENV PATH=$VIRTUAL_ENV/bin:$PATH
RUN python -m venv $VIRTUAL_ENV

COPY --chown=learner constraints.txt .
RUN pip install --no-cache-dir --index-url $TORCH_INDEX -c constraints.txt torch

COPY --chown=learner . .
RUN pip install --no-cache-dir -c constraints.txt -e ".[course]" \
 && python -c "from cvrl_lite.datasets.moving_scenes import course_set; course_set()"

EXPOSE 8888
CMD ["jupyter", "lab", "--ip=0.0.0.0", "--no-browser", "--LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb"]
