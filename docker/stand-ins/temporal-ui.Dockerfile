# Stands in for `temporalio/ui`: the same program, built from its Go module.
FROM aftersend-stand-in/debian
WORKDIR /home/ui-server
COPY ui/server /usr/local/bin/ui-server
COPY ui/config config
USER 1000:1000
CMD ["ui-server", "--env", "docker", "start"]
