class ShopRouter:
    """Nothing of the shop is in the default database, and nothing else is in the shop's."""

    def db_for_read(self, model, **hints):
        return "shop" if model._meta.app_label == "shop" else "default"

    db_for_write = db_for_read

    def allow_migrate(self, db, app_label, **hints):
        return (db == "shop") == (app_label == "shop")
