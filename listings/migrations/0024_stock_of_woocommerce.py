"""Let the stock of WooCommerce stores that are connected already be looked at regularly, too."""

from django.db import migrations
from django.utils import timezone


def plan(apps, schema_editor):
    """Plan the walk where the store has the one for changes."""
    walk = apps.get_model("listings", "Walk")
    known = walk.objects.filter(kind="changes", shop__store__platform="woocommerce")
    for shop_id in known.values_list("shop_id", flat=True):
        walk.objects.get_or_create(shop_id=shop_id, kind="stock", defaults={"due_at": timezone.now()})


class Migration(migrations.Migration):
    """Walks of kind `stock`."""

    dependencies = [("listings", "0023_let_go_up_to"), ("shops", "0001_initial")]

    operations = [migrations.RunPython(plan, migrations.RunPython.noop)]
