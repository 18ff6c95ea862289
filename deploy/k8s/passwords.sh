#!/bin/sh
# Print the Secrets of the component `stores`, with passwords that nobody else has:
#
#   sh deploy/k8s/passwords.sh | kubectl create -f -
set -eu

# Hexadecimal, so that passwords can stand in URLs.
draw() {
  od -An -N24 -tx1 /dev/urandom | tr -d ' \n'
}

redis=$(draw) postgres=$(draw) milvus=$(draw) objects=$(draw)
cat <<EOF
apiVersion: v1
kind: Secret
metadata: {name: imagesearch-stores, namespace: imagesearch}
stringData:
  redis-password: $redis
  postgres-password: $postgres
  milvus-password: $milvus
  objects-password: $objects
---
apiVersion: v1
kind: Secret
metadata: {name: imagesearch, namespace: imagesearch}
stringData:
  redis-url: redis://:$redis@redis:6379/0
  database-url: postgresql+psycopg2://imagesearch:$postgres@postgres/imagesearch
  milvus-token: root:$milvus
EOF
