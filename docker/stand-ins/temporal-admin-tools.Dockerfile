# Stands in for `temporalio/admin-tools`: the tool for SQL schemas with the schemas, built from the server's Go module, and Temporal's CLI from PyPI.
FROM aftersend-stand-in/debian
COPY temporal/sql /usr/local/bin/temporal-sql-tool
COPY temporal/schema /etc/temporal/schema
COPY temporal/cli /usr/local/bin/temporal
USER 1000:1000
CMD ["sleep", "infinity"]
