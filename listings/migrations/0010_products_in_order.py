from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('listings', '0009_mass_sync'),
        ('shops', '0007_order_settings'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='product',
            index=models.Index(fields=['shop', 'id'], name='products_in_order'),
        ),
    ]
