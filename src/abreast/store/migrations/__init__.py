"""The store's schema as a chain of migrations; `abreast.store.schema` runs them when a store is opened."""
