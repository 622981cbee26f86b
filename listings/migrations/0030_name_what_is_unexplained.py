from django.db import migrations

RENAMED = {
    "fall": "unexplained_drop",
    "fall_at": "dropped_at",
    "rise": "unexplained_gain",
    "rise_at": "gained_at",
    "put_at": "set_at",
    "putting": "pending_put",
    "adjusting": "pending_adjustment",
}


class Migration(migrations.Migration):
    dependencies = [("listings", "0029_name_snapshots")]

    operations = [migrations.RenameField("ledger", old, new) for old, new in RENAMED.items()]
