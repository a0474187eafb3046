"""Optional Django apps, each with its own AppConfig. A project installs those that it needs."""
