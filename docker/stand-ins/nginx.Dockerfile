# Stands in for `nginxinc/nginx-unprivileged`: Debian's nginx as user 101, which writes to /tmp alone.
FROM aftersend-stand-in/debian
RUN apt-get update \
 && apt-get install --yes --no-install-recommends nginx-light wget \
 && rm -rf /var/lib/apt/lists/*
COPY nginx.conf /etc/nginx/nginx.conf
USER 101:101
CMD ["nginx", "-g", "daemon off;"]
