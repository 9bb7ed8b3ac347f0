# Stands in for `temporalio/ui`: the same program, built from its Go module.
FROM aftersend-stand-in/debian
WORKDIR /home/ui-server
COPY server /usr/local/bin/ui-server
COPY config config
RUN useradd --uid 1000 --create-home temporal
USER temporal
CMD ["ui-server", "--env", "docker", "start"]
