module schemaregistry

go 1.19
