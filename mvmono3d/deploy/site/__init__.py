"""A site: what stands in one room and how it is run; `deploy/sites/<name>/site.yaml`."""
