# The program in an image; the last stage, for the CPU, is built by default:
#   docker build -t dcgan .                     Debian's LibTorch
#   docker build -t dcgan:cuda --target cuda .  PyPI's LibTorch, for NVIDIA GPUs (some 8 GB)
#   docker run --rm -u "$(id -u)" -v "$PWD:/work" dcgan train --config quick.yaml
ARG DEBIAN=12

FROM debian:${DEBIAN}-slim AS sources
WORKDIR /opt/dcgan
COPY . .

FROM sources AS build-cuda
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN scripts/setup.sh --torch pip
RUN cmake --preset pip -DCMAKE_UNITY_BUILD=ON -DDCGAN_BUILD_TESTS=OFF \
    && cmake --build --preset pip --target dcgan_program \
    && cmake --install build/pip --component program --prefix /usr/local --strip
# What the program runs with: the libraries of LibTorch and CUDA where they were linked, and the names
# of Debian's packages that have the others.
RUN packages=$(dirname "$(readlink -f .venv/torch)") \
    && mkdir -p "/runtime$packages/torch" \
    && mv "$packages/torch/lib" "/runtime$packages/torch/" \
    && mv "$packages/nvidia" "/runtime$packages/" \
    && ln -s "$packages/torch" /runtime/opt/dcgan/.venv/torch \
    && readelf -d /usr/local/bin/dcgan /usr/local/lib/dcgan/* \
        | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | sort -u \
        | while read -r library; do dpkg-query -S "/*lib*-linux-gnu/$library" || true; done \
        | cut -d: -f1 | sort -u > /runtime/opt/dcgan/packages

FROM debian:${DEBIAN}-slim AS cuda
COPY --from=build-cuda /runtime /
COPY --from=build-cuda /usr/local /usr/local
RUN apt-get update -q \
    && xargs apt-get install -y -q --no-install-recommends ca-certificates \
        < /opt/dcgan/packages \
    && rm -rf /var/lib/apt/lists/*
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility XDG_CACHE_HOME=/tmp
WORKDIR /work
ENTRYPOINT ["dcgan"]

FROM sources AS build
RUN scripts/package.sh

FROM debian:${DEBIAN}-slim AS cpu
COPY --from=build /opt/dcgan/build/packages/*.deb /tmp/
RUN apt-get update -q \
    && apt-get install -y -q --no-install-recommends /tmp/dcgan_*.deb ca-certificates \
    && rm -rf /var/lib/apt/lists/* /tmp/*.deb
ENV XDG_CACHE_HOME=/tmp
WORKDIR /work
ENTRYPOINT ["dcgan"]
