# Stands in for `temporalio/server`: the same program, built from its Go module, which has the configuration of the image embedded.
FROM aftersend-stand-in/debian
RUN apt-get update \
 && apt-get install --yes --no-install-recommends netcat-openbsd \
 && rm -rf /var/lib/apt/lists/*
COPY server /usr/local/bin/temporal-server
RUN useradd --uid 1000 --create-home temporal
USER temporal
# The address by which the services of this process reach each other: 0.0.0.0 is none, and a container in two networks has two.
CMD ["sh", "-c", "TEMPORAL_BROADCAST_ADDRESS=$(hostname -i | cut -d ' ' -f 1) exec temporal-server start"]
