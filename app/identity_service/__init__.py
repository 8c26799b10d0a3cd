"""The identity service (SAP Cloud Identity Services, IAS): login, tokens, what it reports (protocols, section 3)."""
