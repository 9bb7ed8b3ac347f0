# Stands in for `temporalio/server`: the same program, built from its Go module, which has the configuration of the image embedded.
FROM aftersend-stand-in/debian
RUN apt-get update \
 && apt-get install --yes --no-install-recommends netcat-openbsd \
 && rm -rf /var/lib/apt/lists/*
COPY temporal/server /usr/local/bin/temporal-server
USER 1000:1000
# The address that the services of one process reach each other by: 0.0.0.0 is none.
CMD ["sh", "-c", "TEMPORAL_BROADCAST_ADDRESS=$(hostname -i) exec temporal-server start"]
