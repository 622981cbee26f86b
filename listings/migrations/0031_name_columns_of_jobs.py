from django.db import migrations

RENAMED = {"waiting": "blocked", "asked": "generation", "holder": "worker_lock"}


class Migration(migrations.Migration):
    dependencies = [("listings", "0030_name_what_is_unexplained")]

    operations = [migrations.RenameField("job", old, new) for old, new in RENAMED.items()]
