"""What users say of a source: checked, kept, shown and changed by the connector's declaration alone."""
