# Stands in for `node`: Node.js and npm as the registry of npm has them. The context has them unpacked, and a list of certificate authorities
# for a registry behind a proxy.
FROM aftersend-stand-in/debian
COPY node/bin/node /usr/local/bin/node
COPY npm /usr/local/lib/node_modules/npm
COPY npmrc /usr/local/etc/npmrc
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm && useradd --uid 1000 --create-home node
CMD ["node"]
